/**
 * What Linux offers to threads and the JDK does not: sleeping on shared memory, choosing a core.
 */
@NullMarked
package dev.gyre.comms.linux;

import org.jspecify.annotations.NullMarked;
