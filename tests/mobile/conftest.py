"""People with hum-chat."""

import pathlib
import shutil
import tempfile

import pytest

from lib import chat
from lib.instance import Instance
from lib.rest import befriend, unique


@pytest.fixture
def home():
    """Where they keep what they keep. At the end no sanitizer has complained."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="hum-chat-"))
    yield folder
    found = chat.reports(folder)
    shutil.rmtree(folder)
    assert not found, "\n".join(found)


@pytest.fixture
def chats(home):
    """Starts hum-chat --plain; ends them all."""
    made = []

    def make(hum, name=None, *options):
        made.append(chat.Chat(hum.http_url, home, name or unique("device"), *options))
        return made[-1].start()

    yield make
    codes = [one.quit() for one in made]
    assert not any(codes), codes


@pytest.fixture
def terminal(home):
    made = []

    def make(hum, name=None, **kw):
        made.append(chat.Terminal(hum.http_url, home, name or unique("device"), **kw))
        return made[-1]

    yield make
    for one in made:
        one.close()


def make_pair(hum, chats, *options):
    """Two friends, made by REST, each with hum-chat, their DM open."""
    a, b = hum.sign_up(), hum.sign_up()
    befriend(a, b)
    dm = hum.open_dm(a, b)
    pair = []
    for person, other in ((a, b), (b, a)):
        one = chats(hum, person.nickname, *options).sign_in(person.email, person.password)
        one.open(other.nickname)
        pair.append(one)
    return a, b, dm, *pair


@pytest.fixture
def friends(hum, chats):
    return make_pair(hum, chats)


@pytest.fixture
def pair_on():
    """The same on an instance of one's own."""
    return make_pair


@pytest.fixture(scope="module")
def hum_of_its_own():
    """An instance whose daemons may be killed."""
    instance = Instance()
    try:
        instance.up()
        yield instance
        assert not instance.reports(), instance.reports()
    finally:
        instance.remove()
