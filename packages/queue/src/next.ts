// In `app/api/queues/[resource]/route.ts`: `export const GET = queueStatus({ … })`.
export { queueStatus } from "./fetch.js";
