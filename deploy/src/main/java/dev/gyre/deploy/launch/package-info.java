/**
 * Running a job on this machine: its folder, its worker processes and their output, and what
 * signals mean.
 */
@NullMarked
package dev.gyre.deploy.launch;

import org.jspecify.annotations.NullMarked;
