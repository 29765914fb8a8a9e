from hypothesis import given
from hypothesis import strategies as st

from responder.faces import smtp_replies
from responder.faces.smtp_replies import Reply
from tests.support.smtp import parse_answers


@given(st.text(), st.lists(st.text(), max_size=3))
def test_whatever_the_text_a_reply_is_one_reply(text, lines):
    (answer,) = parse_answers(Reply(250, "2.0.0", f"Text{text}", tuple(lines)).encode())
    assert (answer.short, len(answer.lines)) == ("250 2.0.0", 1 + len(lines))


def test_every_reply_has_an_enhanced_code_of_its_class():
    replies = [reply for reply in vars(smtp_replies).values() if isinstance(reply, Reply)]
    assert len(replies) > 30
    for reply in replies:
        parse_answers(reply.encode())
        assert reply.enhanced or reply.code == 354


def test_a_refusal_for_now_keeps_its_words_and_loses_its_permanence():
    reply = smtp_replies.TOO_LARGE.for_now()
    assert (reply.code, reply.enhanced, reply.text) == (451, "4.3.4", smtp_replies.TOO_LARGE.text)
    assert smtp_replies.DONE.for_now() == smtp_replies.DONE
