namespace Postern.Dashboard;

sealed partial class KoreanWords
{
    public override string AuditWhen => "시각";
    public override string AuditWho => "작업자";

    public override string AuditFace(string? face) => face switch
    {
        "page" => "페이지",
        "command" => "명령",
        _ => "API",
    };

    public override string AuditFrom => "경로";
    public override string AuditWhat => "작업 내용";
    public override string AuditCount => "변경 수";
    public override string AuditNothing => "아직 기록된 작업이 없습니다.";
    public override string AuditMeans => "관리 API로 수행한 모든 변경을 완료 후 기록합니다. 메시지별 결과는 각 메시지의 타임라인에서 볼 수 있습니다.";
    public override string AuditOlder => "이전 기록";
    public override string AuditNewest => "최신 기록";
}
