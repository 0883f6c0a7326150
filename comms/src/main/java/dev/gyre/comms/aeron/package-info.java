/**
 * Transfers over Aeron. Between hosts all messages go by UDP. Within a host, envelopes and small
 * payloads go by IPC, and large payloads by reference to shared memory.
 */
@NullMarked
package dev.gyre.comms.aeron;

import org.jspecify.annotations.NullMarked;
