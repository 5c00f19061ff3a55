using Postern.Cli;
using Postern.Listeners;
using Postern.Mta.Inbound;

Native.SetOwnerOnlyMask();
SmtpSockets.PreferInline();
MailCharsets.Register();
return await CommandTree.InvokeAsync(args);
