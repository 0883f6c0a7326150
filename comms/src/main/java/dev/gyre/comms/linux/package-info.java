/**
 * Linux features that the JDK does not offer: futexes, CPU affinity, page allocation, terminal
 * size.
 */
@NullMarked
package dev.gyre.comms.linux;

import org.jspecify.annotations.NullMarked;
