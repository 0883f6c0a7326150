/**
 * Runs one job: checks it, plans it, serves the coordinator and reports progress until the outcome.
 * Processes are started by {@link dev.gyre.deploy.launch}.
 */
@NullMarked
package dev.gyre.deploy.run;

import org.jspecify.annotations.NullMarked;
