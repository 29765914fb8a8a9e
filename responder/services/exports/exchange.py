"""A PowerShell script that brings the IP allow list of Exchange up to date."""

import re
from collections.abc import Iterable, Iterator

from responder.domain.address import IPNetwork
from responder.services.exports.lines import head, network_text, networks, utc
from responder.storage.exported import Exempt

# Ids, networks and times stand in a string that PowerShell takes as it is; nothing of them is ever code. The shell of
# Exchange 2010 is PowerShell 2.0, which reads the whole script before it runs any of it, and knows no -in.
_BEGINNING = r"""#
# On an Edge Transport server, in the Exchange Management Shell:
#     .\exchange.ps1
# For Exchange Online, after Connect-ExchangeOnline:
#     .\exchange.ps1 -Online
# Entries that somebody else made stay as they are.
param([switch]$Online, [string]$Policy = 'Default', [string]$Added = "$PSCommandPath.added")
$ErrorActionPreference = 'Stop'

$exempt = @([regex]::Split(@'

"""
_END = r"""'@, '\r?\n') | Where-Object { $_ })

if ($Online) {
    # The cloud takes IPv4 alone, nothing wider than /24, and no comment: what was added is kept in a file.
    $networks = $exempt | ForEach-Object { $_.Split(' ')[1] }
    $wanted = @($networks | Where-Object { $_ -match '^[0-9.]+(/(2[4-9]|3[0-2]))?$' })
    $left = $exempt.Count - $wanted.Count
    if ($left) { Write-Warning "$left networks are IPv6 or wider than /24, which Exchange Online does not take." }
    $before = @(if (Test-Path -LiteralPath $Added) { Get-Content -LiteralPath $Added })
    $present = @((Get-HostedConnectionFilterPolicy $Policy).IPAllowList | ForEach-Object { "$_" })
    $remove = @($before | Where-Object { $wanted -notcontains $_ -and $present -contains $_ })
    $add = @($wanted | Where-Object { $present -notcontains $_ })
    if ($remove) { Set-HostedConnectionFilterPolicy $Policy -IPAllowList @{Remove = $remove} }
    Set-Content -LiteralPath $Added -Value @($before | Where-Object { $wanted -contains $_ }; $add) -Encoding Ascii
    if ($add) { Set-HostedConnectionFilterPolicy $Policy -IPAllowList @{Add = $add} }
    return
}

$wanted = @{}
foreach ($line in $exempt) {
    $id, $network, $until = $line.Split(' ')
    $wanted["responder $id until $until"] = $network
}
foreach ($entry in @(Get-IPAllowListEntry -ResultSize Unlimited | Where-Object { $_.Comment -like 'responder *' })) {
    if ($wanted.ContainsKey($entry.Comment)) { $wanted.Remove($entry.Comment) }
    else { $entry | Remove-IPAllowListEntry -Confirm:$false }
}
foreach ($comment in @($wanted.Keys)) {
    $until = [DateTimeOffset]::Parse($comment.Split(' ')[-1], [cultureinfo]::InvariantCulture).LocalDateTime
    $what = @{ExpirationTime = $until; Comment = $comment}
    if ($wanted[$comment] -match '/') { $what.IPRange = $wanted[$comment] } else { $what.IPAddress = $wanted[$comment] }
    Add-IPAllowListEntry @what | Out-Null
}
"""
_ROW = re.compile(r"[0-9]+ ([0-9A-Fa-f:./]+) [0-9TZ:-]+\s*")


def write_exchange(exempt: Iterable[Exempt]) -> Iterator[str]:
    """Write a script for the Exchange Management Shell; its entries carry the time at which they end.

    Each entry's comment names the id of its exemption, by which the script knows its own.
    """
    yield from head()
    yield _BEGINNING
    for each in exempt:
        yield f"{each.id} {network_text(each.network)} {utc(each.expires_at)}\n"
    yield _END


def read_exchange(lines: Iterable[str]) -> Iterator[IPNetwork]:
    """Read the networks of such a script."""
    return networks(row[1] for line in lines if (row := _ROW.fullmatch(line)))
