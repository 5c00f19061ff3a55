global using Postern.Interop.Peers;
global using Xunit;

// Real peers share the machine's two cores and its ports.
[assembly: Parallelization(Mode = ParallelizationMode.None)]
