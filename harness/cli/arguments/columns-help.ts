/** The help of `--columns`, which `run` and `report` have. */
import { costColumns } from '../../reporting/tables/cost-columns.ts';

const described = costColumns.map(({ name, help }) => `${name} (${help})`).join(', ');
export const columnsHelp = `columns of costs beside the metrics: ${described}`;
