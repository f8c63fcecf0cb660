// What the vendored classic scripts put into the global scope.
declare var OpenSeadragon: any;
declare var tus: any;
declare var hashwasm: any;
declare function importScripts(...urls: string[]): void;
