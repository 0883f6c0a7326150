/** {@code gyre checkpoint}: lists, verifies and exports the checkpoints of a run. */
@NullMarked
package dev.gyre.deploy.command.checkpoint;

import org.jspecify.annotations.NullMarked;
