/** The {@code gyre} command. */
@NullMarked
package dev.gyre.deploy;

import org.jspecify.annotations.NullMarked;
