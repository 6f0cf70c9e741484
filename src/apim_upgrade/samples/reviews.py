"""What developers say of APIs: ratings and comments."""

from __future__ import annotations

from apim_upgrade.samples.estate import Estate
from apim_upgrade.samples.model import Api


def write_review(estate: Estate, api: Api, subscriber: int, name: str) -> None:
    """Write a rating of an API by a subscriber, with a comment and the answer to it."""
    am, shape, tenant = estate.am, estate.shape, api.tenant
    user = tenant.user(name)
    am.add(
        "am_api_ratings",
        rating_id=shape.uuid("rating", api.id),
        api_id=api.id,
        rating=1 + api.id % 5,
        subscriber_id=subscriber,
    )
    first = shape.uuid("comment", api.id)
    for reply, (uuid, text, parent) in enumerate(
        ((first, "Très bien", None), (shape.uuid("reply", api.id), "Thanks", first))
    ):
        now = estate.clock.now()
        am.add(
            "am_api_comments",
            comment_id=uuid,
            comment_text=text,
            commented_user=user,
            date_commented=now,
            created_by=user,
            created_time=now,
            updated_time=None,
            api_id=api.id,
            parent_comment_id=parent,
            entry_point="DEVPORTAL",
            category=None if reply else "general",
        )
