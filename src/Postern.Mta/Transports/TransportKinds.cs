using System.Diagnostics;

namespace Postern.Mta.Transports;

/// <summary>Makes the transport that a kind in the configuration stands for.</summary>
public sealed class TransportKinds(PosternOptions options, TimeProvider clock)
{
    public ITransport Build(string name, TransportOptions transport) => transport.Kind switch
    {
        // The configuration check refuses the kind that this version does not have.
        TransportKind.Mailgun => throw new UnreachableException(),
        _ => throw new UnreachableException($"{name} {options.Hostname} {clock}"),
    };
}
