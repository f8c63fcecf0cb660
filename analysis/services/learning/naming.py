"""What cases and slides are called outside the database: hashes that tell them apart and say nothing of them."""

import uuid
from hashlib import sha256


def hash_case(case_id: uuid.UUID) -> str:
    return sha256(f"case {case_id}".encode()).hexdigest()[:32]


def hash_slide(slide_id: uuid.UUID) -> str:
    return sha256(f"slide {slide_id}".encode()).hexdigest()[:32]
