using Microsoft.AspNetCore.Connections.Features;
using Postern.Mta;
using Postern.Mta.Configuration;

namespace Postern.Api;

/// <summary>The listener a request came through: what it serves, and whether it is a unix socket of
/// ours.</summary>
sealed record HttpDoor(IReadOnlyList<HttpFace> Serves, bool IsLocal, bool IsDeliver = false)
{
    public const string Key = "postern-door";

    /// <summary><c>admin.sock</c>: who may open it is an operator.</summary>
    public static readonly HttpDoor Admin = new([HttpFace.Admin, HttpFace.Metrics], IsLocal: true);

    /// <summary>Networks of the proxy whose word about its clients counts.</summary>
    public IReadOnlyList<Network> BehindProxy { get; init; } = [];

    /// <summary>Why the peer of this connection may not use the socket. Null: it may.</summary>
    public string? Refusal { get; init; }

    /// <summary><c>deliver.sock</c>: one operation, for the script behind another MTA's pipe.</summary>
    public static readonly HttpDoor Deliver = new([], IsLocal: true, IsDeliver: true);

    public static HttpDoor Of(HttpContext context) =>
        (HttpDoor)context.Features.Get<IConnectionItemsFeature>()!.Items[Key]!;
}
