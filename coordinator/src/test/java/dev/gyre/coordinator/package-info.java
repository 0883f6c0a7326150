/** Tests of the job's life, first without sockets, then over gRPC on the loopback address. */
@NullMarked
package dev.gyre.coordinator;

import org.jspecify.annotations.NullMarked;
