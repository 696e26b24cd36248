PLUGINS += leat-http
leat-http_DIRS := connectors/http
leat-http_PKGS := libcurl
