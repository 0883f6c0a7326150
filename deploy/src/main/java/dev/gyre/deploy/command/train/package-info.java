/** {@code gyre train}: starts or resumes a run, shows its progress and sums it up. */
@NullMarked
package dev.gyre.deploy.command.train;

import org.jspecify.annotations.NullMarked;
