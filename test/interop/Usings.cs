global using Postern.Interop.Peers;
global using Xunit;

// Real peers share the machine's two cores and its ports.
[assembly: Xunit.v3.Parallelization(Mode = Xunit.Sdk.ParallelMode.None)]
[assembly: System.Runtime.Versioning.SupportedOSPlatform("linux")]
