using System.Text.Json;
using System.Text.Json.Serialization;

namespace Postern.Listeners;

/// <summary>What <c>serve --ready-file</c> writes once mail can come in: where everything really
/// is.</summary>
/// <param name="Dashboard">Signs in the one who started it, once. Null: there are users, or no listener for
/// them.</param>
sealed record ReadyFile(
    int Pid, IReadOnlyList<ReadyListener> Listeners, string Admin, string Data, string? Dashboard)
{
    public void Write(string path) => PrivateFile.Write(
        Path.GetFullPath(path), JsonSerializer.Serialize(this, ReadyJson.Default.ReadyFile) + "\n");

    public static void Remove(string path) => File.Delete(path);
}

/// <summary>One listener, as bound.</summary>
sealed record ReadyListener(string Name, string For, string Tls, string Address, int Port);

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ReadyFile))]
sealed partial class ReadyJson : JsonSerializerContext;
