/** Tests of a job's life cycle, first without sockets, then over gRPC on the loopback address. */
@NullMarked
package dev.gyre.coordinator;

import org.jspecify.annotations.NullMarked;
