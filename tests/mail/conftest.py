"""An instance that sends mails, and the mail server that they go to."""

import pytest

from lib import smtp


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
def post(mail_server):
    """The instance, one for all files here."""
    instance = smtp.instance(mail_server)
    try:
        instance.up()
        yield instance
        instance.forget()
        instance.down()
        assert not instance.reports(), instance.reports()
        assert not instance.leaks()
    finally:
        instance.remove()
