"""What holds for every answer."""


class CacheControlMiddleware:
    """Nothing that a person was shown stays in a cache, unless the view said how (tiles: private)."""

    def __init__(self, get_response) -> None:
        self.get_response = get_response

    def __call__(self, request):
        response = self.get_response(request)
        response.headers.setdefault("Cache-Control", "no-store")
        return response
