"""Drives the service with pyannoteAI's own client.

Reads JSON on standard input: `address` of the service, `recording` that can be diarized,
`noRecording` that cannot. Writes what came of it as JSON.
"""

import json
import sys
import warnings

import requests
from pyannoteai.sdk import Client
from pyannoteai.sdk.client import PyannoteAIFailedJob

warnings.simplefilter("ignore")

asked = json.load(sys.stdin)
recording, no_recording = asked["recording"], asked["noRecording"]
Client.API_URL = f"{asked['address']}/v1"
client = Client(token="any")

told = []
first = client.upload(recording, callback=lambda total, completed: told.append((total, completed)))
again = client.upload(recording)
named = client.upload({"audio": recording}, media_url="media://board/2026-11_03.wav")

plain = client.retrieve(client.diarize(first), every_seconds=0.2)
full = client.retrieve(
    client.diarize(
        named,
        num_speakers=2,
        min_speakers=1,
        max_speakers=3,
        confidence=True,
        turn_level_confidence=True,
        exclusive=True,
        model="precision-3",
        something_new={"nobody": "knows"},
        webhookStatusOnly=None,
    ),
    every_seconds=0.2,
)

enrolled = client.retrieve(client.voiceprint(first), every_seconds=0.2)
identified = client.retrieve(
    client.identify(
        named,
        voiceprints={"Sam": enrolled["output"]["voiceprint"]},
        matching_threshold=50.0,
        exclusive=True,
    ),
    every_seconds=0.2,
)

failed = None
try:
    client.retrieve(client.diarize(client.upload(no_recording)), every_seconds=0.2)
except PyannoteAIFailedJob as error:
    failed = str(error)

refused = None
try:
    client.diarize("media://never/uploaded")
except requests.HTTPError as error:
    refused = {"status": error.response.status_code, "body": error.response.json()}

json.dump(
    {
        "urls": [first, again, named],
        "told": told[-1],
        "plain": plain,
        "full": full,
        "enrolled": enrolled,
        "identified": identified,
        "failed": failed,
        "refused": refused,
    },
    sys.stdout,
)
