/** Ranks as threads of one JVM, with optional faults and delays. */
@NullMarked
package dev.gyre.comms.loopback;

import org.jspecify.annotations.NullMarked;
