#!/usr/bin/python3
"""An application with django-anymail: PORT KEY. Prints a JSON line for each inbound mail it was told of."""
import json
import sys
from wsgiref.simple_server import WSGIRequestHandler, make_server

import django
from django.conf import settings

port, key = int(sys.argv[1]), sys.argv[2]
settings.configure(
    ALLOWED_HOSTS=["127.0.0.1"], INSTALLED_APPS=["anymail"], ROOT_URLCONF=__name__, SECRET_KEY="x",
    ANYMAIL={"MAILGUN_WEBHOOK_SIGNING_KEY": key})
django.setup()

from anymail.signals import inbound  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.urls import include, path  # noqa: E402

urlpatterns = [path("anymail/", include("anymail.urls"))]


def told(sender, event, esp_name, **others):
    mail = event.message
    print(json.dumps({
        "esp": esp_name,
        "sender": mail.envelope_sender,
        "recipient": mail.envelope_recipient,
        "from": [mail.from_email.display_name, mail.from_email.addr_spec],
        "subject": mail.subject,
        "text": mail.text,
        "stripped": mail.stripped_text,
        "html": mail.html,
        "attachments": [[one.get_filename(), one.get_content_type(), one.get_content_bytes().hex()]
                        for one in mail.attachments],
        "inline": sorted(mail.inline_attachments),
    }), flush=True)


inbound.connect(told)


class Quiet(WSGIRequestHandler):
    def log_message(self, *arguments):
        pass


make_server("127.0.0.1", port, get_wsgi_application(), handler_class=Quiet).serve_forever()
