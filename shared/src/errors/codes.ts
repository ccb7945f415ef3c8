/**
 * Every error code of Sotto: what it means and what to do about it. One row a code; a test compares this table with
 * `docs/reference/errors.md` both ways. Codes are append-only: a changed meaning is a new code.
 */
export const errorCodes = {
  // input and configuration
  INVALID_INPUT: {
    cause: 'A value does not have the form that its schema asks for.',
    cure: 'Correct the named field.',
  },
  FILE_NOT_FOUND: {
    cause: 'A named file does not exist or cannot be read.',
    cure: 'Check the path and its permissions.',
  },
  DISK_FULL: {
    cause: 'The disk has no room left.',
    cure: 'Free some room and start again; what was acknowledged is kept.',
  },
  PORT_IN_USE: {
    cause: 'Another process listens on the port.',
    cure: 'Choose another port with --port, or stop the other process.',
  },
  STORE_TOO_NEW: {
    cause: 'The store was written by a newer version.',
    cure: 'Run the version that wrote it, or a newer one.',
  },
  STORE_LOCKED: { cause: 'Another process uses the same store or data source.', cure: 'Stop the other process first.' },
  STORE_FAILED: {
    cause: 'The database refused an operation.',
    cure: 'See the message; check the disk and the database.',
  },
  CLOCK_SKEW: {
    cause: 'This clock and the other side differ by more than the limit.',
    cure: 'Set the clock, for example with NTP.',
  },
  CANCELLED: { cause: 'The operation was stopped by request.', cure: 'Start it again when wanted.' },
  UNSUPPORTED: {
    cause: 'This build or platform cannot do what was asked.',
    cure: 'See the message for what is missing.',
  },
  INTERNAL: {
    cause: 'An invariant of Sotto itself is broken.',
    cure: 'Report it with the message; nothing was released.',
  },
  // plan and policy
  PLAN_INVALID: {
    cause: 'A plan is malformed or its parts cannot stand together.',
    cure: 'Change the named line of the plan.',
  },
  PLAN_UNSIGNED: {
    cause: 'A plan carries no valid signature of the authority.',
    cure: 'Have the authority sign it: sotto-authority sign PLAN.',
  },
  PLAN_REFUSED: {
    cause: "A plan asks for more than the client's policy allows.",
    cure: 'Change the plan, or the policy if its owner agrees.',
  },
  BUDGET_EXCEEDED: {
    cause: 'The privacy budget would be passed.',
    cure: 'Plan fewer rounds or more noise; a spent budget does not come back.',
  },
  CARD_INCOMPLETE: {
    cause: 'A field of the privacy card has no true value, and nothing runs without a complete card.',
    cure: 'Change what the message names until the card can say it.',
  },
  NO_NOISE: {
    cause: 'An epsilon is asked for without noise.',
    cure: 'Set noiseMultiplier > 0 or turn differential privacy off explicitly.',
  },
  UNSUPPORTED_EVENT: {
    cause: 'The accountant does not know this mechanism event.',
    cure: 'Use a mechanism that the accountant supports.',
  },
  AUDIT_VIOLATION: {
    cause: 'An audit proved that a plan leaks more than it states, or that its noise is not as planned.',
    cure: 'Do not run it before the cause is found; by chance alone at most one audit of a correct plan in twenty ends so.',
  },
  LEDGER_ROLLED_BACK: {
    cause: 'The books of a data source are older than what the coordinator has had from it.',
    cure: 'Bring back the newest copy of the books: in this one, what was charged since is missing.',
  },
  // identity
  SIGNATURE_INVALID: {
    cause: 'A signature does not verify.',
    cure: 'The message was altered or signed by somebody else; do not trust it.',
  },
  CERTIFICATE_INVALID: {
    cause: 'A client certificate is not vouched for by the authority.',
    cure: 'Join with a valid invitation.',
  },
  INVITATION_INVALID: {
    cause: 'An invitation is malformed, expired, used up or signed by a stranger.',
    cure: 'Ask the authority for a new invitation.',
  },
  REVOKED: {
    cause: 'The authority revoked this client, or another one that a plan or a session counts in.',
    cure: 'Ask the authority; where it is another client, make a new plan without it.',
  },
  REVOCATIONS_STALE: {
    cause: 'The coordinator gives an older revocation list than this client has seen, or none any more.',
    cure: 'Hand the newest list to the coordinator again (sotto revoke FILE) and submit the plan again.',
  },
  UNAUTHENTICATED: { cause: 'A request carries no valid session.', cure: 'Sign in again.' },
  FORBIDDEN: { cause: 'The caller may not do this.', cure: 'Ask somebody with the right role.' },
  WRONG_PASSPHRASE: {
    cause: 'The passphrase does not open the key file.',
    cure: 'Try again with the right passphrase.',
  },
  TLS_MISMATCH: {
    cause: "The coordinator's certificate is not the one in the invitation.",
    cure: 'Do not connect; ask the authority for the right fingerprint.',
  },
  // protocol
  MESSAGE_INVALID: {
    cause: 'A message does not have the form of the protocol.',
    cure: 'The sender left the session; update the sender.',
  },
  MESSAGE_UNEXPECTED: {
    cause: 'A message came out of order, twice or from another round.',
    cure: 'Nothing to do; it was ignored or its sender left the session.',
  },
  MESSAGE_TOO_LARGE: { cause: 'A message is over the size limit.', cure: 'Send less at once.' },
  PROTOCOL_VERSION: {
    cause: 'The other side speaks another protocol version or suite.',
    cure: 'Update the older side.',
  },
  ROSTER_INVALID: {
    cause: 'The roster is not what the plan and the certificates allow.',
    cure: 'The session was left; ask the coordinator’s operator.',
  },
  COHORT_TOO_SMALL: {
    cause: 'Fewer clients than the minimum are left.',
    cure: 'The round failed before anything was unmasked; wait for more clients.',
  },
  SHARE_INVALID: {
    cause: 'A share does not open or does not match its published hash.',
    cure: 'The named dealer is at fault; the session ends.',
  },
  KEY_MISMATCH: {
    cause: 'Two clients did not derive the same pair key.',
    cure: 'Both are named; the session is repeated.',
  },
  ATTEMPT_STALE: {
    cause: 'This attempt is not newer than the last one that was answered.',
    cure: 'Nothing to do; a client answers once.',
  },
  DEADLINE_PASSED: {
    cause: 'A stage ended before enough clients answered.',
    cure: 'Lengthen the deadline in the plan or check the clients.',
  },
  RECOVERY_FAILED: {
    cause: 'The secrets of a client could not be recovered.',
    cure: 'The attempt is lost and charged; the next one starts afresh.',
  },
  UPLOAD_INVALID: {
    cause: 'An uploaded vector has a wrong length, hash or signature.',
    cure: 'Its sender counts as lost.',
  },
  // transport
  UNREACHABLE: {
    cause: 'The other side cannot be reached.',
    cure: 'Check that it runs, its address, network and firewall; a node tries again by itself.',
  },
  RATE_LIMITED: {
    cause: 'More requests came from one address than a minute allows, or an upload was slow while others waited.',
    cure: 'Wait a minute; a node tries again by itself.',
  },
  NOT_FOUND: { cause: 'There is no such thing.', cure: 'Check the name.' },
  CONFLICT: {
    cause: 'The request contradicts what is already recorded.',
    cure: 'What is recorded stands: look at it, then choose another name or value.',
  },
  // learning and data
  DATA_INVALID: {
    cause: 'A data file does not match its schema.',
    cure: 'Correct the file or the schema; the rule is named.',
  },
  TRAINING_FAILED: { cause: 'The local model could not be computed.', cure: 'See the message on the device itself.' },
  RUN_FAILED: { cause: 'A run ended without a model.', cure: 'See the reason of the last failed round.' },
  REPLAY_MISMATCH: {
    cause: 'A replay gives another model than the recorded one.',
    cure: 'The record is damaged or was altered; do not use the model.',
  },
} as const satisfies Record<string, { cause: string; cure: string }>;

/** A key of {@link errorCodes}. */
export type ErrorCode = keyof typeof errorCodes;
