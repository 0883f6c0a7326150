/**
 * The communication that a model needs: ports to the other ranks. With one rank, each port is the
 * identity.
 */
@NullMarked
package dev.gyre.model.port;

import org.jspecify.annotations.NullMarked;
