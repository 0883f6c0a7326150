/** The contract that every transport must meet, as one suite. */
package dev.gyre.comms;
