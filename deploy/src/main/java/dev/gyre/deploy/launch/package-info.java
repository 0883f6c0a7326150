/**
 * Processes on this machine: command lines and JVM flags of workers, their cores, output and
 * signals, and the distribution that they are started from.
 */
@NullMarked
package dev.gyre.deploy.launch;

import org.jspecify.annotations.NullMarked;
