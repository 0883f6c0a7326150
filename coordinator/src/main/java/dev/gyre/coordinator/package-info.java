/**
 * One coordinator per job: rendezvous of the workers, the job's state machine, agreement on
 * checkpoints, and one clear cause when a run fails. It is a library: {@code gyre train} hosts it
 * on one machine, a cluster gives it a process of its own.
 */
@NullMarked
package dev.gyre.coordinator;

import org.jspecify.annotations.NullMarked;
