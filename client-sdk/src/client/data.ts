/**
 * What a client is handed over. In a browser: a `File` or `Blob` of CSV (a header line, RFC 4180, UTF-8). In Node: the path of
 * such a file.
 */
export type ClientData = Blob | string;
