// What the vendored classic scripts put into the global scope. OpenSeadragon and hash-wasm describe themselves: package.json has
// the versions of vendor/, for their types alone. Of tus-js-client and Swagger UI this is the part in use.

declare var hashwasm: typeof import("hash-wasm");
declare function importScripts(...urls: string[]): void;

declare namespace tus {
  interface HttpRequest {
    getMethod(): string;
    getHeader(name: string): string | undefined;
    setHeader(name: string, value: string): void;
  }

  interface HttpResponse {
    getStatus(): number;
    getBody(): string;
  }

  interface DetailedError extends Error {
    originalResponse?: HttpResponse | null;
    causingError?: Error;
  }

  interface Options {
    endpoint: string;
    uploadUrl: string | null;
    chunkSize: number;
    metadata: Record<string, string>;
    retryDelays: number[] | null;
    storeFingerprintForResuming: boolean;
    overridePatchMethod?: boolean;
    onBeforeRequest(request: HttpRequest): void | Promise<void>;
    onUploadUrlAvailable(): void;
    onProgress(sent: number, total: number): void;
    onChunkComplete(size: number, accepted: number, total: number): void;
    onSuccess(): void;
    onError(error: Error | DetailedError): void;
  }

  class Upload {
    constructor(file: File, options: Options);
    url: string | null;
    options: Options;
    start(): void;
    abort(): Promise<void>;
  }
}

interface SwaggerRequest {
  method?: string;
  headers: Record<string, string>;
}

declare var SwaggerUIBundle: {
  (options: {
    url: string | undefined;
    dom_id: string;
    deepLinking: boolean;
    docExpansion: "list" | "full" | "none";
    defaultModelsExpandDepth: number;
    presets: unknown[];
    layout: string;
    requestInterceptor(request: SwaggerRequest): SwaggerRequest;
  }): void;
  presets: { apis: unknown };
};
