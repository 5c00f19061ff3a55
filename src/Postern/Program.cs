using Postern.Cli;
using Postern.Listeners;

Native.SetOwnerOnlyMask();
return await CommandTree.InvokeAsync(args);
