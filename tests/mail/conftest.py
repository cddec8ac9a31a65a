"""An instance that sends mails, and the mail server that they go to; an identity provider that it believes."""

import pytest

from lib import smtp
from lib.honest_idp import Idp, providers_file


@pytest.fixture(scope="session")
def mail_server():
    server = smtp.MailServer().start()
    yield server
    server.remove()


@pytest.fixture
def server(mail_server):
    """The mail server, behaving itself at first."""
    mail_server.answers.clear()
    return mail_server


@pytest.fixture(scope="session")
def idp():
    made = Idp("one")
    yield made
    made.close()


@pytest.fixture(scope="session")
def post(mail_server, idp):
    """The instance, one for all files here."""
    with providers_file(idp.settings()) as path:
        instance = smtp.instance(mail_server, HUM_OAUTH_FILE=path, HUM_OAUTH_PRIVATE="on")
        try:
            instance.up()
            yield instance
            instance.forget()
            instance.down()
            assert not instance.reports(), instance.reports()
            assert not instance.leaks()
        finally:
            instance.remove()
