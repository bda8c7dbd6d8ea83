"""Runs a Keystone with the configuration file of its only argument, on a free port that it prints.

A process of its own, because Keystone keeps its settings and drivers as globals.
"""
import os
import sys
import wsgiref.simple_server


class Quiet(wsgiref.simple_server.WSGIRequestHandler):
    def log_message(self, *words):
        """The test sees the answers itself."""


def main(configuration):
    # Keystone reads these instead of the arguments
    os.environ["OS_KEYSTONE_CONFIG_FILES"] = configuration
    sys.argv = sys.argv[:1]
    from keystone.server import wsgi

    application = wsgi.initialize_public_application()
    server = wsgiref.simple_server.make_server("127.0.0.1", 0, application, handler_class=Quiet)
    print(server.server_port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1])
