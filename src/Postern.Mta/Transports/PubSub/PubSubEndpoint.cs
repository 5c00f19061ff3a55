using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;

namespace Postern.Mta.Transports.PubSub;

/// <summary>Where Pub/Sub answers, and with what credentials it is asked.</summary>
/// <param name="Credentials">Null: an emulator on this machine, which wants none.</param>
sealed record PubSubEndpoint(Uri Address, GoogleCredentials? Credentials)
{
    /// <summary>Google's convention: <c>host:port</c> of an emulator, plain text.</summary>
    public const string EmulatorVariable = "PUBSUB_EMULATOR_HOST";

    const int PortDefault = 8085;

    public static PubSubEndpoint Live(TimeProvider clock) =>
        new(new Uri("https://pubsub.googleapis.com/"), new GoogleCredentials(GoogleApi.PubSub, clock));

    public static PubSubEndpoint Emulator(string host, int port) =>
        new(new UriBuilder(Uri.UriSchemeHttp, host, port).Uri, null);

    /// <param name="emulator">The value of <see cref="EmulatorVariable"/>. Null or empty: the live
    /// service.</param>
    public static bool TryFind(
        string? emulator,
        TimeProvider clock,
        [NotNullWhen(true)] out PubSubEndpoint? endpoint,
        [NotNullWhen(false)] out string? problem)
    {
        endpoint = null;
        if (!TryFindEmulator(EmulatorVariable, emulator, PortDefault, out var address, out problem))
            return false;
        endpoint = address is null ? Live(clock) : new PubSubEndpoint(address, null);
        return true;
    }

    /// <summary>Where one of Google's emulators answers, all of which are named alike.</summary>
    /// <param name="value">Of the variable. Null or empty: there is none.</param>
    /// <param name="address">Null: there is none.</param>
    public static bool TryFindEmulator(
        string variable, string? value, int port, out Uri? address, [NotNullWhen(false)] out string? problem)
    {
        problem = null;
        address = null;
        if (string.IsNullOrEmpty(value))
            return true;
        var scheme = value.IndexOf("://", StringComparison.Ordinal);
        var place = (scheme < 0 ? value : value[(scheme + 3)..]).TrimEnd('/');
        // DESIGN §9.6: a variable left over from a test must not send mail in plain text to another machine.
        if (!Uri.TryCreate($"http://{place}", UriKind.Absolute, out var found) || !IsLoopback(found))
            problem = $"{variable} is {value}: only an emulator on this machine's loopback is allowed";
        else
            address = new UriBuilder(Uri.UriSchemeHttp, found.Host, place.EndsWith(
                $":{found.Port.ToString(CultureInfo.InvariantCulture)}", StringComparison.Ordinal)
                ? found.Port : port).Uri;
        return problem is null;
    }

    public static bool IsLoopback(Uri address) =>
        address.IdnHost.Equals("localhost", StringComparison.OrdinalIgnoreCase)
        || (IPAddress.TryParse(address.DnsSafeHost, out var ip) && IPAddress.IsLoopback(ip));
}
