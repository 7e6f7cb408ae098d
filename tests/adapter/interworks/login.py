"""Logs in with an OAuth library of others, and reads something with the token that it was given."""

import json
import os
import sys
import urllib.request
from base64 import b64encode
from urllib.parse import quote

from oauthlib.oauth2 import LegacyApplicationClient

# The server of the tests speaks plain HTTP on loopback, which the library refuses otherwise.
os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"

given = json.load(sys.stdin)
client = LegacyApplicationClient(client_id=given["client"])
body = client.prepare_request_body(
    username=given["user"], password=given["password"], include_client_id=False
)
pair = f"{quote(given['client'], safe='')}:{quote(given['secret'], safe='')}"
request = urllib.request.Request(
    f"{given['url']}/oauth/token",
    data=body.encode(),
    headers={
        "Authorization": "Basic " + b64encode(pair.encode()).decode(),
        "Content-Type": "application/x-www-form-urlencoded",
    },
)
# No proxy stands between a test and its server.
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
with opener.open(request, timeout=20) as reply:
    token = client.parse_request_body_response(reply.read().decode())
uri, headers, _ = client.add_token(f"{given['url']}/api/accounts?pageSize=1")
headers["X-Api-Version"] = "3.0"
with opener.open(urllib.request.Request(uri, headers=headers), timeout=20) as reply:
    rows = json.load(reply)
print(
    json.dumps(
        {
            "token_type": token["token_type"],
            "expires_in": token["expires_in"],
            "rows": len(rows["data"]),
        }
    )
)
