"""The other side of benchmarks/vision.py: runs in the peers' own Python, prints seconds for each path it is sent.

It does what face_recognition's documentation does: load the file, find faces (HOG, one upsampling), encode the
largest. It imports nothing of ours.
"""

from __future__ import annotations

import sys
import time

import face_recognition  # type: ignore[import-not-found]


def seconds(path: str) -> float:
    start = time.perf_counter()
    picture = face_recognition.load_image_file(path)
    places = face_recognition.face_locations(picture)
    largest = max(places, key=lambda place: (place[2] - place[0]) * (place[1] - place[3]))
    face_recognition.face_encodings(picture, [largest])
    return time.perf_counter() - start


if __name__ == "__main__":
    for line in sys.stdin:
        print(seconds(line.strip()), flush=True)
