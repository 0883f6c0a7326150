/** Host memory whose pages are allocated on first touch, and the folder of shared memory. */
@NullMarked
package dev.gyre.comms.memory;

import org.jspecify.annotations.NullMarked;
