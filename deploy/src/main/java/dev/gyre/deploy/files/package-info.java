/**
 * The folder of a run and the files in it, among them job, plan, metrics and lock. A thread of its
 * own writes them, so that a blocked file system does not stop the run.
 */
@NullMarked
package dev.gyre.deploy.files;

import org.jspecify.annotations.NullMarked;
