export interface FaultProxyStats {
  /** Accepted since the start. */
  connections: number;
  /** Open now. */
  open: number;
  /** Carried to the target. */
  bytesUp: number;
  /** Carried to the clients. */
  bytesDown: number;
}
