/** Ranks as threads of one JVM, with faults and delays on request. */
@NullMarked
package dev.gyre.comms.loopback;

import org.jspecify.annotations.NullMarked;
