/** Marks a request, so that it counts once however often it is sent. (randomUUID needs https.) */
export function newRequestId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
