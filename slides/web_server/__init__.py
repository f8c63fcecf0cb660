"""How the web server is quick with tiles and firm with slow clients, by names of others that are not promised to stay.

    gunicorn_conf   how gunicorn runs; it switches the others on
    fence           whether they may be
    shortcut        answers tiles in front of Django, by one prepared query on psycopg's lowest level
    worker          gunicorn's threaded worker, which stays with a viewer's connection and sends what `shortcut` answers
    slow_clients    how long that worker waits for what a client sends

It rests on the insides of gunicorn's threaded worker and of its request bodies, and on psycopg's wrapper of libpq.
`fence.TESTED` says in which versions; a test holds that the installed ones are among them. With others the server
starts with gunicorn's own threads, says so in one line of its log, and Django answers the tiles.

It earns, by `make bench-fast-tiles` on two cores, twenty-five times the rate of stored tiles, for one viewer as for
eight, and a twentieth of the p95. The shortcut alone gives ten times the rate, and the worker doubles that.

Without it, which MITOWEB_PLAIN_WEB_SERVER=1 also brings about, tiles and rights stay the same. Lost are the speed and
the protection from slow clients: who begins a request and goes silent, or sends it in drips, holds a thread until the
connection ends, and as many as there are threads hold the site. How many pieces of uploads are taken at once stays
limited (settings.UPLOAD_PIECES). Behind nginx as in docs/nginx.md, nginx gathers all else; a piece of an upload that
goes silent ends after its client_body_timeout, one that drips does not end.
"""
