using System.Globalization;
using Postern.Cli;
using Postern.Listeners;
using Postern.Mta.Inbound;

Native.SetOwnerOnlyMask();
// Programs read what is written: figures are the same whatever language the machine speaks.
CultureInfo.CurrentCulture = CultureInfo.DefaultThreadCurrentCulture = CultureInfo.InvariantCulture;
SmtpSockets.PreferInline();
MailCharsets.Register();
return await CommandTree.InvokeAsync(args);
