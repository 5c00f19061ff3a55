using System.Net;

namespace Postern.Mta.Configuration;

sealed partial class ConfigurationValidator
{
    void CheckListeners()
    {
        if (options.Listen.Count == 0 && !at.Has("listen"))
            at.Error("listen", 1, "nobody can hand in mail; add [[listen]] with on = \"127.0.0.1:2525\" and "
                + "for = \"submission\"");
        var names = new Dictionary<string, string>(StringComparer.Ordinal);
        var addresses = new Dictionary<IPEndPoint, string>();
        for (var i = 0; i < options.Listen.Count; i++)
        {
            var path = Reading.Item("listen", i);
            var listener = options.Listen[i];
            if (!at.Has($"{path}.on"))
                continue;
            if (!ListenAddress.TryParse(listener.On, out var address, out var mend))
            {
                at.Error($"{path}.on", mend!);
                continue;
            }
            if (address.Port != 0 && !addresses.TryAdd(address, path))
                at.Error($"{path}.on",
                    $"\"{listener.On}\" is taken by the listener on line {at.LineOf(addresses[address])}");
            else if (!names.TryAdd(listener.DisplayName, path))
                at.Error(at.Has($"{path}.name") ? $"{path}.name" : path,
                    $"\"{listener.DisplayName}\" is the name of the listener on line "
                    + $"{at.LineOf(names[listener.DisplayName])} "
                    + "too; give it a name of its own");
            if (listener.For == ListenFor.Http)
                CheckHttp(path, listener, address.Address);
        }
    }

    void CheckHttp(string path, ListenOptions listener, IPAddress address)
    {
        if (IPAddress.IsLoopback(address))
            return;
        if (listener.Serves is null)
            at.Error(
                path, "an http listener off loopback says what it serves; add serves = [\"api\", \"hooks\"]");
        if (listener.Tls != ListenTls.Immediate && listener.BehindProxy.Count == 0)
            at.Error(path, "plain http off loopback would show keys to everybody; "
                + "add tls = \"immediate\", or behind-proxy with the proxy's network");
    }
}
