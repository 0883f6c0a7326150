/** Host memory whose pages come into being when they are touched. */
@NullMarked
package dev.gyre.comms.memory;

import org.jspecify.annotations.NullMarked;
