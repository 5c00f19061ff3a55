global using Xunit;

using System.Runtime.CompilerServices;
using Postern.Mta.Inbound;

namespace Postern.Tests;

/// <summary>What the program does first, before anything decodes a mail.</summary>
static class Startup
{
    [ModuleInitializer]
    public static void RegisterCharsets() => MailCharsets.Register();
}
